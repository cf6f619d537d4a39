"""Model archives: what is taken, and everything that is not, with its reason."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import tarfile
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glue.core.archive import ArchiveError, Inspection, Limits, Member, inspect
from glue.core.checksum import of_stream

PART = 1024


def look(data: bytes, **options: Any) -> Inspection:
    return inspect(io.BytesIO(data), name="model.tar.gz", part_size=PART, **options)


def tar_of(*entries: tuple[str, bytes] | tarfile.TarInfo, fmt: int = tarfile.PAX_FORMAT) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=fmt) as tar:
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                tar.addfile(entry)
            else:
                info = tarfile.TarInfo(entry[0])
                info.size = len(entry[1])
                tar.addfile(info, io.BytesIO(entry[1]))
    return raw.getvalue()


def targz(*entries: tuple[str, bytes] | tarfile.TarInfo, fmt: int = tarfile.PAX_FORMAT) -> bytes:
    return gzip.compress(tar_of(*entries, fmt=fmt), mtime=0)


def special(name: str, kind: bytes, linkname: str = "", size: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, linkname, size
    return info


def refusal(data: bytes, **options: Any) -> str:
    with pytest.raises(ArchiveError) as caught:
        look(data, **options)
    assert caught.value.exit_code == 2
    assert caught.value.message.startswith("model.tar.gz: ")
    return caught.value.message.removeprefix("model.tar.gz: ")


def test_lists_members_and_hashes_the_compressed_bytes_in_one_pass() -> None:
    data = targz(("model.txt", b"x" * 5000), special("golden", tarfile.DIRTYPE), ("golden/requests.json", b"[]"))
    found = look(data, extract={"golden/requests.json": 10, "absent.json": 10})
    assert found.members == (Member("model.txt", 5000), Member("golden/requests.json", 2))
    assert found.extracted == {"golden/requests.json": b"[]"}
    assert found.checksums == of_stream(io.BytesIO(data), part_size=PART)
    assert found.expanded_bytes >= 5002


@pytest.mark.parametrize("fmt", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("name", ["a", "d/e/f.txt", "x" * 90 + "/" + "y" * 90])
def test_reads_every_format_that_tar_writes(fmt: int, name: str) -> None:
    assert look(targz((name, b"12"), fmt=fmt)).members == (Member(name, 2),)


@given(
    st.dictionaries(
        st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=150), st.binary(max_size=2000), max_size=8
    ),
    st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
)
@settings(max_examples=60, deadline=None)
def test_reads_what_tarfile_wrote(files: dict[str, bytes], fmt: int) -> None:
    data = targz(*files.items(), fmt=fmt)
    found = look(data, extract=dict.fromkeys(files, 2000))
    assert found.extracted == files


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_damage_is_refused_or_harmless(data: st.DataObject) -> None:
    """Whatever byte of the tar is changed, the members are those that tarfile sees, or it is an ArchiveError."""
    good = tar_of(("model.txt", b"weights" * 100), ("golden/requests.json", b"[]"))
    at = data.draw(st.integers(0, 512 * 5 - 1))
    bad = bytearray(good)
    bad[at] ^= data.draw(st.integers(1, 255))
    packed = gzip.compress(bytes(bad), mtime=0)
    try:
        found = look(packed)
    except ArchiveError:
        return
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as tar:
        assert [(m.name, m.bytes) for m in found.members] == [(m.name, m.size) for m in tar.getmembers()]


@pytest.mark.parametrize("keep", [1, 5, 20, 100, -1, -4, -8, -9])
def test_a_cut_off_archive_is_refused(keep: int) -> None:
    data = targz(("model.txt", os.urandom(3000)))
    assert "cut off" in refusal(data[:keep])


@pytest.mark.parametrize("keep", [512, 1024, 3584])
def test_a_tar_cut_off_before_it_was_compressed_is_refused(keep: int) -> None:
    data = gzip.compress(tar_of(("model.txt", b"x" * 3000))[:keep])
    reason = refusal(data)
    assert "ends in the middle of 'model.txt'" in reason or "ends without an end mark after 'model.txt'" in reason


def test_a_flipped_bit_in_the_compressed_data_is_refused() -> None:
    data = bytearray(targz(("model.txt", os.urandom(3000))))
    data[-6] ^= 1  # in the stored CRC
    damaged = "its compressed data is damaged (Error -3 while decompressing data: "
    assert refusal(bytes(data)) == f"{damaged}incorrect data check)"
    assert refusal(b"\x1f\x8b\xff rest") == f"{damaged}unknown compression method)"


@pytest.mark.parametrize("data", [b"PK\x03\x04 a zip", b"hello", tar_of(("a", b"1"))])
def test_what_is_not_gzip_is_refused_with_a_remedy(data: bytes) -> None:
    with pytest.raises(ArchiveError, match="not a gzip-compressed tar") as caught:
        look(data)
    assert caught.value.remedy == "Pack it with `tar -czf`."


@pytest.mark.parametrize("data", [b"hello world " * 100, b"\1" * 5000])
def test_gzip_of_something_else_is_refused(data: bytes) -> None:
    assert "it is not a tar archive" in refusal(gzip.compress(data))


def test_nothing_is_refused() -> None:
    assert refusal(b"") == "it is empty"


def test_an_empty_tar_has_no_members() -> None:
    assert look(targz()).members == ()


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (special("l", tarfile.SYMTYPE, "/etc/passwd"), "'l' is a symbolic link; only files and folders are taken"),
        (special("l", tarfile.LNKTYPE, "model.txt"), "'l' is a hard link; only files and folders are taken"),
        (special("d", tarfile.CHRTYPE), "'d' is a character device; only files and folders are taken"),
        (special("d", tarfile.BLKTYPE), "'d' is a block device; only files and folders are taken"),
        (special("p", tarfile.FIFOTYPE), "'p' is a named pipe; only files and folders are taken"),
        (special("s", tarfile.GNUTYPE_SPARSE), "'s' is a sparse file; only files and folders are taken"),
        (special("c", tarfile.CONTTYPE), "'c' is of the unknown kind b'7'; only files and folders are taken"),
        (("/etc/cron.d/x", b""), "'/etc/cron.d/x' is an absolute path"),
        (("../x", b""), "'../x' leaves the archive with '..'"),
        (("a/../../x", b""), "'a/../../x' leaves the archive with '..'"),
        (("a/..", b""), "'a/..' leaves the archive with '..'"),
        (("a\\..\\b", b""), "'a\\\\..\\\\b' holds an unprintable character or a backslash"),
        (("a\nb", b""), "'a\\nb' holds an unprintable character or a backslash"),
        (("./", b""), "a file has no name: './'"),
        (("model.txt", b"2"), "'model.txt' is in it twice"),
        (("./model.txt", b"2"), "'model.txt' is in it twice"),
        ((".//model.txt/x", b"2"), "'model.txt/x' lies below 'model.txt', which is a file"),
        (("folder", b"2"), "'folder' is in it twice"),
        (special("model.txt", tarfile.DIRTYPE), "'model.txt' is in it twice"),
    ],
)
def test_members_that_are_not_taken(entry: Any, reason: str) -> None:
    before = [("model.txt", b"1"), ("folder/inner", b"1")]
    assert refusal(targz(*before, entry, fmt=tarfile.GNU_FORMAT)) == reason


def test_a_long_hostile_name_is_shortened() -> None:
    assert refusal(targz(("/" + "a" * 5000, b""))).count("a") < 130


def test_a_name_beyond_the_limit_is_refused() -> None:
    assert "is longer than 1024 bytes" in refusal(targz(("a" * 1025, b"")))


def test_folders_may_come_twice_and_before_their_files() -> None:
    folder = special("d", tarfile.DIRTYPE)
    assert look(targz(special("./", tarfile.DIRTYPE), folder, ("d/x", b"1"), folder)).members == (Member("d/x", 1),)


def test_data_behind_the_end_is_refused() -> None:
    hidden = tar_of(("a", b"1")) + tar_of(("hidden", b"2"))
    assert refusal(gzip.compress(hidden)) == "there is data behind its end mark after 'a'"


def test_data_behind_the_gzip_stream_is_refused_but_zeros_are_padding() -> None:
    data = targz(("a", b"1"))
    assert look(data + b"\0" * 700).members == (Member("a", 1),)
    assert "damaged" in refusal(data + b"rubbish")


def test_several_gzip_members_are_one_stream_as_for_gzip_itself() -> None:
    raw = tar_of(("a", b"1" * 3000))
    assert look(gzip.compress(raw[:1000]) + gzip.compress(raw[1000:])).members == (Member("a", 3000),)


def test_a_header_damaged_in_the_middle_is_not_the_end() -> None:
    raw = bytearray(tar_of(("a", b"1"), ("b", b"2")))
    raw[1024] ^= 1  # the name in the second header
    with tarfile.open(fileobj=io.BytesIO(bytes(raw))) as tar:
        assert tar.getnames() == ["a"]  # what Python's tarfile makes of it
    assert refusal(gzip.compress(bytes(raw))) == "a header is damaged after 'a'"


# growth


def test_growing_beyond_the_bound_is_refused() -> None:
    data = targz(("zeros", b"\0" * 3_000_000))
    assert refusal(data, limits=Limits(expanded_bytes=1_000_000)) == (
        "'zeros' has 3000000 bytes; all of it may have 1000000"
    )
    many = targz(*[(f"f{n}", b"\0" * 300_000) for n in range(10)])
    assert refusal(many, limits=Limits(expanded_bytes=1_000_000)) == "it expands to more than 1000000 bytes"


def test_a_bomb_is_refused_by_its_ratio_before_it_is_large() -> None:
    data = targz(("zeros", b"\0" * 5_000_000))
    reason = refusal(data, limits=Limits(ratio=100, ratio_from=1_000_000))
    assert reason.startswith("it expands more than 100 times (")
    assert int(reason.split(" bytes to ")[1].split(" ")[0]) < 2_000_000


def test_too_many_members_are_refused() -> None:
    data = targz(*[(f"f{n}", b"") for n in range(11)])
    assert refusal(data, limits=Limits(members=10)) == "it has more than 10 members"
    assert len(look(data, limits=Limits(members=11)).members) == 11


def test_an_extracted_member_is_bounded() -> None:
    data = targz(("golden/requests.json", b"x" * 11))
    assert refusal(data, extract={"golden/requests.json": 10}) == (
        "'golden/requests.json' has 11 bytes; at most 10 are read"
    )


def test_memory_stays_small_whatever_the_size() -> None:
    data = targz(("zeros", b"\0" * 60_000_000))
    tracemalloc.start()
    look(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000


# headers made by hand


def header(name: bytes, size: int, kind: bytes, **fields: bytes) -> bytes:
    info = tarfile.TarInfo(name.decode())
    info.size = size
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT)[:512])
    block[156:157] = kind
    for at, value in fields.items():
        offset = int(at.removeprefix("at"))
        block[offset : offset + len(value)] = value
    block[148:156] = b"        "
    block[148:155] = b"%06o\0" % sum(block)
    return bytes(block)


def padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 512)


def pax(**records: str) -> bytes:
    body = b""
    for key, value in records.items():
        content = f" {key.replace('__', '.')}={value}\n".encode()
        length = len(content) + len(str(len(content) + 2))
        body += str(length).encode() + content
    return header(b"pax", len(body), b"x") + padded(body)


END = b"\0" * 1024


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (header(b"pax", 10**9, b"x"), "an extended header has 1000000000 bytes; at most 65536 are read"),
        (pax(path="a") + pax(path="b") + header(b"c", 0, b"0"), "two extended headers for one member"),
        (pax(path="a") + END, "an extended header without a member"),
        (pax(GNU__sparse__size="9") + header(b"c", 0, b"0"), "the extended header 'GNU.sparse.size' is not taken"),
        (pax(linkpath="/etc") + header(b"c", 0, b"0"), "the extended header 'linkpath' is not taken"),
        (pax(size="-512") + header(b"c", 0, b"0"), "the size of 'c' is not a number: '-512'"),
        (pax(size="9" * 30) + header(b"c", 0, b"0"), "the size of 'c' is not a number: '99999"),
        (header(b"pax", 5, b"x") + padded(b"7 a=b"), "an extended header is damaged"),
        (header(b"pax", 5, b"x") + padded(b"0 a=b"), "an extended header is damaged"),
        (
            header(b"L", 2, b"L") + padded(b"x\0") + pax(path="y") + header(b"c", 0, b"0"),
            "one member has two names, 'x' and 'y'",
        ),
        (header(b"c", 0, b"0", at124=b"-0000000001\0"), "a size is not a number"),
        (header(b"c", 0, b"0", at124=b"\xff" * 12), "a size is not a number"),
        (header(b"d", 600, b"5") + b"x" * 600, "the folder 'd' claims 600 bytes"),
        (header(b"c", 0, b"0", at0=b"\xff\xfe"), "a name is not UTF-8"),
        (header(b"c", 0, b"0", at124=b"\x80" + b"\xff" * 11), "all of it may have"),
    ],
)
def test_hostile_headers_are_refused(raw: bytes, reason: str) -> None:
    assert reason in refusal(gzip.compress(raw + END))


def test_a_size_in_base_256_is_read() -> None:
    raw = header(b"c", 0, b"0", at124=b"\x80" + (3).to_bytes(11, "big")) + padded(b"abc") + END
    assert look(gzip.compress(raw)).members == (Member("c", 3),)


def test_a_stream_that_gives_one_byte_at_a_time_reads_the_same() -> None:
    data = targz(("model.txt", b"x" * 3000), ("b", b"1"))
    whole = look(data)
    assert inspect(Dripping(data), name="model.tar.gz", part_size=PART) == whole


class Dripping(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(1, size) if size and size > 0 else 1)


def test_real_tar_is_taken(tmp_path: Any) -> None:
    """What GNU tar or bsdtar of this machine writes of a folder."""
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "in" / "sub" / "f").write_bytes(b"1")
    subprocess.check_call(["tar", "-czf", str(tmp_path / "o.tar.gz"), "-C", str(tmp_path / "in"), "."])
    with (tmp_path / "o.tar.gz").open("rb") as stream:
        assert inspect(stream, name="o", part_size=PART).members == (Member("sub/f", 1),)


def changed(name: str, data: bytes, **fields: Any) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        for field, value in fields.items():
            setattr(info, field, value)
        tar.addfile(info, io.BytesIO(data))
    return gzip.compress(raw.getvalue(), mtime=7)


def test_what_it_unpacks_to_is_known_apart_from_how_it_was_packed() -> None:
    plain = look(changed("a", b"1")).unpacked
    assert look(changed("./a", b"1")).unpacked == plain
    for packing in ({"mtime": 5}, {"uid": 7, "uname": "me"}, {"mode": 0o664}):
        assert look(changed("a", b"1", **packing)).unpacked == plain
    others = [
        look(changed("a", b"2")),
        look(changed("b", b"1")),
        look(changed("a", b"1", mode=0o600)),
        look(changed("a", b"1", mode=0o755)),
        look(targz(("a", b"1"), ("b", b""))),
        look(targz(("a", b"1"), special("closed", tarfile.DIRTYPE))),
    ]
    assert len({plain, *(other.unpacked for other in others)}) == 7


def test_the_order_and_open_folders_do_not_matter() -> None:
    folder = special("golden", tarfile.DIRTYPE)
    folder.mode = 0o755
    one = look(targz(("golden/x", b"1"), ("a", b"2")))
    assert look(targz(folder, ("a", b"2"), ("golden/x", b"1"))).unpacked == one.unpacked
