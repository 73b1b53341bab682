from __future__ import annotations

import gzip
import hashlib

from colonnade.verticals.finance.governance.lineage import files_of, files_table


def test_each_file_has_the_digest_of_its_bytes_and_its_lines(tmp_path):
    (tmp_path / "a.csv").write_text("x\n1\n2\n")
    with gzip.open(tmp_path / "b.csv.gz", "wt") as file:
        file.write("x\n1\n")
    (tmp_path / "c.parquet").write_bytes(b"PAR1")
    (tmp_path / ".hidden").write_text("no")
    found = files_of(tmp_path)
    assert [(each.name, each.lines) for each in found] == [("a.csv", 3), ("b.csv.gz", 2), ("c.parquet", None)]
    assert found[0].sha256 == hashlib.sha256(b"x\n1\n2\n").hexdigest()
    assert files_of(tmp_path / "a.csv")[0] == found[0]


def test_a_long_list_is_cut_in_the_table_and_says_so(tmp_path):
    for number in range(40):
        (tmp_path / f"{number:02d}.csv").write_text("x\n")
    rows = files_table(files_of(tmp_path)).rows
    assert len(rows) == 13
    assert "28 more" in rows[6][0]
