"""What others have published: the figures that the page of results shows for comparison."""

#: Rashid et al., Sci Rep 2021;11:14124, multi-class network: mean of the subjects' sensitivity and
#: precision, and the correlation of counts.
DEEPMIR = {
    'CMB': {
        'swi': (0.82, 0.36, 0.96),
        'swi+qsm': (0.84, 0.59, 0.99),
        'swi+t2w': (0.76, 0.43, 0.97),
        'swi+qsm+t2w': (0.89, 0.49, 0.98),
    },
    'iron': {
        'swi': (0.76, 0.70, 0.91),
        'swi+qsm': (0.75, 0.75, 0.91),
        'swi+t2w': (0.76, 0.60, 0.87),
        'swi+qsm+t2w': (0.81, 0.64, 0.90),
    },
}
#: Other methods for CMB: data, sensitivity, precision, F1, false positives a subject.
OTHER_METHODS = (
    ('MicrobleedNet (Sundaresan 2023)', 'UK Biobank SWI', '.93', '.59', '.72', '1.5'),
    ('Liu 2019, SWI + phase', '41 test', '.96', '.71', '.82', '1.6–1.8'),
    ('Al-masni 2020, SWI + phase', '72', '.94', '.62', '.75', '1.4'),
    ('SHIVA-CMB 2024, T2*/SWI', '96 held out', '.67', '.82', '.74', '0.6'),
    ('VALDO 2021, best of challenge', '147 test', '–', '–', '.68', '–'),
)
