"""A file is read once, and again when somebody has touched it."""

import os

from nipype.interfaces.base import BaseInterfaceInputSpec, File, specs
from nipype.utils.filemanip import hash_infile

from deepmir_bids.running import file_digests


class _Spec(BaseInterfaceInputSpec):
    file = File(exists=True)


def test_a_file_is_read_once_until_it_changes(tmp_path, monkeypatch):
    read = []

    def counted(path):
        read.append(path)
        return hash_infile(path)

    monkeypatch.setattr(specs, 'hash_infile', hash_infile)
    monkeypatch.setattr(file_digests, 'hash_infile', counted)
    path = tmp_path / 'image.nii'
    path.write_bytes(b'one')
    before = os.stat(path)
    inputs = _Spec(file=str(path))
    of_nipype = inputs.get_hashval('content')
    file_digests.remember_digests()
    assert [inputs.get_hashval('content') for _ in range(3)] == [of_nipype] * 3
    assert len(read) == 1
    path.write_bytes(b'two')  # as large as it was, and made to look as old
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert inputs.get_hashval('content') != of_nipype
    assert len(read) == 2
