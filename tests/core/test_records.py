"""Records and fields are found where a CSV reader finds them, and no byte is lost or moved."""

import csv
import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from callgate.core.records import LONGEST_RECORD, Records, RecordTooLong, Shape, split

CSV = Shape(ord(";"), quotes=True)
PLAIN = Shape(None, quotes=False)


def cells(records: Records, columns: int) -> list[list[str]]:
    fields = [records.field(column) for column in range(columns)]
    return [[field.text(row) for field in fields] for row in range(len(records))]


def slices(records: Records) -> list[bytes]:
    data = records.data.tobytes()
    return [data[start:end] for start, end in zip(records.starts, records.nexts, strict=True)]


def whole(data: bytes, shape: Shape = CSV) -> Records:
    records, used = split(data, shape, last=True)
    assert used == len(data)
    return records


cell = st.text('ab";,\n 0', max_size=6)
rows = st.lists(st.lists(cell, min_size=3, max_size=3), min_size=1, max_size=8)


@given(rows, st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans())
def test_what_a_csv_writer_wrote_is_found_again(
    table: list[list[str]], line_end: str, always: bool, ended: bool
) -> None:
    text = io.StringIO()
    writer = csv.writer(
        text, delimiter=";", lineterminator=line_end, quoting=csv.QUOTE_ALL if always else csv.QUOTE_MINIMAL
    )
    writer.writerows(table)
    data = text.getvalue().encode()
    records = whole(data if ended else data[: -len(line_end)])
    assert not records.doubtful.any()
    # Quotes that are doubled within a field stay so, and spaces around a field go: neither is part of a number.
    assert [[value.strip(" ") for value in row] for row in cells(records, 3)] == [
        [value.replace('"', '""').strip(" ") for value in row] for row in table
    ]


@settings(max_examples=300)
@given(st.binary(max_size=80) | st.text('a";\r\n', max_size=60).map(str.encode), st.integers(1, 30))
@example(b'a;5" x\n"b";c\n', 7)
@example(b'"a";"b\n', 3)
@example(b'\0";"""\n"', 1)
@example(b'\0"\n""\r\0', 1)
def test_a_stream_in_pieces_gives_the_records_of_the_whole(data: bytes, size: int) -> None:
    expected = whole(data)
    assert b"".join(slices(expected)) == data
    found: list[bytes] = []
    doubtful: list[bool] = []
    kept = b""
    for at in range(0, len(data), size):
        kept += data[at : at + size]
        records, used = split(kept, CSV, last=at + size >= len(data))
        found += slices(records)
        doubtful += records.doubtful.tolist()
        kept = kept[used:]
    assert found == slices(expected)
    assert doubtful == expected.doubtful.tolist()


def test_a_quote_within_a_field_is_a_sign_like_any_other() -> None:
    records = whole(b'1;5" pipe;0470\n2;"a;b";0471\n')
    assert cells(records, 3) == [["1", '5" pipe', "0470"], ["2", "a;b", "0471"]]
    assert not records.doubtful.any()


@pytest.mark.parametrize("line", [b'"a"b;0470', b'1;"a;0470', b'"a" ;0470', b'"a""b;0470'])
def test_quotes_that_leave_a_doubt_mark_the_record(line: bytes) -> None:
    records = whole(b"1;2\n" + line + b"\n")
    assert records.doubtful.tolist() == [False, True]


def test_a_column_that_a_record_does_not_have_is_empty() -> None:
    assert cells(whole(b"1;2;3\n4\n\n;5"), 3) == [["1", "2", "3"], ["4", "", ""], ["", "", ""], ["", "5", ""]]


def test_lines_may_end_as_on_an_old_macintosh() -> None:
    shape = Shape(ord(","), quotes=False, line_end=ord("\r"))
    assert cells(whole(b"1,2\r3,4\r", shape), 2) == [["1", "2"], ["3", "4"]]


def test_without_a_delimiter_a_line_is_a_field() -> None:
    assert cells(whole(b'1;2"\r\n3 \r\n', PLAIN), 1) == [['1;2"'], ["3"]]


def test_a_record_knows_on_which_line_it_begins() -> None:
    records = whole(b'1;"a\nb"\n2;c\n3;d\n')
    assert [records.line_of(row) for row in range(3)] == [0, 2, 3]


def test_a_quote_that_is_never_closed_does_not_swallow_the_file() -> None:
    data = b'1;a\n2;"b\n' + b"3;c\n" * LONGEST_RECORD
    with pytest.raises(RecordTooLong) as refused:
        split(data, CSV, last=False)
    assert refused.value.line == 1
