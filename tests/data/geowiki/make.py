"""Geo-Wiki points as published: one tab-separated line per person and location."""

from pathlib import Path

from terrasweep.infra.seeds import generator

NUM = 120


def make(folder: Path) -> dict[str, object]:
    rng = generator("geowiki", "made")
    lines = ["locationid\tuserid\tsumcrop\tcentroid_X\tcentroid_Y"]
    for number in range(NUM):
        lat, lon = rng.uniform(-30, 60), rng.uniform(10, 40)
        crop = int(rng.integers(101)) if number % 3 == 0 else 0
        lines += [f"{1000 + number}\t{user}\t{crop}\t{lon:.6f}\t{lat:.6f}" for user in (7, 8)]
    (folder / "loc_con.txt").write_text("\n".join(lines) + "\n")
    return {"path": str(folder)}
