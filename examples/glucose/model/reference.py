"""Write the reference set of the change plan: spectra of the preparations 1 to 12, as CSV."""

import sys
from importlib.resources import files

N_ROWS = 12

lines = (files("chemotools") / "datasets/data/train_spectra.csv").read_text().splitlines()
names = ",".join(f"{float(one):g}" for one in lines[0].split(","))
sys.stdout.write("\n".join([names, *lines[1 : N_ROWS + 1]]) + "\n")
