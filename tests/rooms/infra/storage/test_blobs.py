"""Where bytes lie: who serves a URI, what is put there, and what is said when it cannot be."""

import os
import time
from pathlib import Path

import pytest
from pyarrow.fs import S3FileSystem

from terrasweep.infra.errors import StoreError
from terrasweep.infra.storage.blobs import SCRATCH, LocalBlobs
from terrasweep.infra.storage.scratch import STALE_S
from terrasweep.infra.storage.store import Store
from terrasweep.infra.storage.uri import open_blobs


def test_blobs_are_put_listed_and_dropped(store: Store):
    store.put("plans/a.json", b"1")
    store.put("plans/deep/b.json", b"2")
    store.put("plans/a.json", b"3")
    assert store.list("plans") == ["plans/a.json", "plans/deep/b.json"]
    assert store.get("plans/a.json") == b"3"
    store.drop("plans/a.json")
    store.drop("plans/a.json")
    assert store.get("plans/a.json") is None
    assert store.list("plans") == ["plans/deep/b.json"]
    assert store.list("nowhere") == []


def test_a_big_blob_comes_back_whole(store: Store):
    data = bytes(range(256)) * 50_000  # more than one part of an upload
    store.put("big", data)
    assert store.get("big") == data


def test_scratch_of_the_dead_is_removed_of_the_living_is_not(tmp_path: Path):
    blobs = LocalBlobs(tmp_path)
    with blobs.scratch() as living:
        dead = living.with_name("dead")
        dead.mkdir()
        for folder in (living, dead):
            long_ago = time.time() - 2 * STALE_S
            os.utime(folder, (long_ago, long_ago))
        with blobs.scratch():
            assert living.is_dir()
            assert not dead.exists()
    assert list((tmp_path / SCRATCH).iterdir()) == []


# A store that cannot be is one clear sentence.


@pytest.mark.parametrize("create", [True, False])
def test_a_scheme_nobody_knows(create: bool):
    with pytest.raises(StoreError, match=r"Expected to reach what://x/y, got an unknown scheme"):
        Store.open("what://x/y", create=create)


def test_a_place_that_cannot_be_written(tmp_path: Path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(
        StoreError,
        match=r"Expected to write store\.json in .*file/store, got .*Not a directory.*\. Fix: ",
    ):
        Store.open(str(tmp_path / "file" / "store"))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_store_of_a_newer_version(store: Store):
    store.put("store.json", b'{"format": 99}')
    with pytest.raises(
        StoreError, match=r"made by a newer version \(format 99.*upgrade terrasweep"
    ):
        Store.open(store.uri)


@pytest.mark.parametrize("sign", [b"", b"[]", b'{"form": 1}', b"not json"])
def test_a_store_whose_sign_is_not_ours(store: Store, sign: bytes):
    store.put("store.json", sign)
    with pytest.raises(StoreError, match=r"a store\.json that terrasweep did not write"):
        Store.open(store.uri)


def test_a_bucket_that_is_missing(s3: str):
    with pytest.raises(StoreError, match=r"got no such bucket\. Fix: create the bucket"):
        Store.open("s3://no-such-bucket/x")


def test_a_server_that_does_not_answer(s3: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(
        StoreError, match=r"got no answer from the server\. Fix: check AWS_ENDPOINT_URL"
    ):
        Store.open(f"{s3}/x")


# Who serves a URI.


@pytest.mark.parametrize(
    ("uri", "root"),
    [
        ("here/store", Path("here/store").absolute()),
        ("/a/store", Path("/a/store")),
        ("file:///a/my%20store", Path("/a/my store")),
        ("~/store", Path.home() / "store"),
    ],
)
def test_paths_are_folders_on_this_machine(uri: str, root: Path):
    assert open_blobs(uri) == LocalBlobs(root)


def test_s3_honours_the_endpoint_that_is_set(s3: str, s3_server: str):
    blobs = open_blobs(f"{s3}/some/prefix/")
    assert blobs.root == f"{s3.removeprefix('s3://')}/some/prefix"
    assert isinstance(blobs.fs, S3FileSystem)
    blobs.put("a", b"1")
    assert S3FileSystem(endpoint_override=s3_server).get_file_info(f"{blobs.root}/a").size == 1


def test_google_storage_is_known_and_gives_up_in_a_minute():
    assert open_blobs("gs://anonymous@bucket/x").fs.type_name == "gcs"
