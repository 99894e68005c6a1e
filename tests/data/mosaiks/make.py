"""MOSAIKS' sampled population: ID, lon, lat, population per square kilometre; some are missing."""

from pathlib import Path

from terrasweep.infra.seeds import generator

NUM = 150


def make(folder: Path) -> dict[str, object]:
    rng = generator("mosaiks", "made")
    lines = ["ID,lon,lat,population"]
    for number in range(NUM):
        lat, lon = rng.uniform(-30, 60), rng.uniform(10, 40)
        people = "" if number % 25 == 3 else f"{rng.exponential(50):.4f}"
        lines.append(f'"{number},{number + 7}",{lon:.6f},{lat:.6f},{people}')
    path = folder / "outcomes_sampled_population_WORLD_16_640_UAR_1000000_0.csv"
    path.write_text("\n".join(lines) + "\n")
    return {"path": str(folder)}
