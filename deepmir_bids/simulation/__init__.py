"""Physics of SWI, QSM and T2w images; lesions and their mimics."""
