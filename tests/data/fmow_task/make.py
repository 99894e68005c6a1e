"""fMoW-Sentinel with a training and a validation set, as the pool's small files are made."""

from pathlib import Path

from tests.data.fmow_sentinel import make as pool


def make(folder: Path) -> dict[str, object]:
    pool.make(folder)
    text = (folder / "train.csv").read_text()
    (folder / "val.csv").write_text(text)
    for number in range(pool.NUM):
        own = folder / pool.path(number).replace("train/", "val/", 1)
        own.parent.mkdir(parents=True, exist_ok=True)
        own.write_bytes((folder / pool.path(number)).read_bytes())
    return {"path": str(folder)}
