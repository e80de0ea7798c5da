#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does the scorer work?  Exit 0 if so; 1, with the reason, if not.

usage: smoke.py [MODEL_DIR]

MODEL_DIR is models/scorer unless named.  The check needs the model and
train.py (for the features), not the data: the clients that it scores are
below, the first eight of either label that training holds out.
"""

import csv
import hashlib
import json
import math
import pathlib
import struct
import sys

sys.dont_write_bytecode = True       # a check leaves nothing behind
from train import FEATURES, LABEL, auc, dot, features, probability  # noqa: E402

AUC_HELD_OUT = (0.75, 0.80)          # what training reports; above is as odd as below
AUC_HERE = 0.80                      # on the sixteen clients below

CLIENTS = """\
ID,LIMIT_BAL,SEX,EDUCATION,MARRIAGE,AGE,PAY_0,PAY_2,PAY_3,PAY_4,PAY_5,PAY_6,BILL_AMT1,BILL_AMT2,BILL_AMT3,BILL_AMT4,BILL_AMT5,BILL_AMT6,PAY_AMT1,PAY_AMT2,PAY_AMT3,PAY_AMT4,PAY_AMT5,PAY_AMT6,default.payment.next.month
5,50000,1,2,1,57,-1,0,-1,0,0,0,8617,5670,35835,20940,19146,19131,2000,36681,10000,9000,689,679,0
10,20000,1,3,2,35,-2,-2,-2,-2,-1,-1,0,0,0,0,13007,13912,0,0,0,13007,1122,0,0
15,250000,1,1,2,29,0,0,0,0,0,0,70887,67060,63561,59696,56875,55512,3000,3000,3000,3000,3000,3000,0
20,180000,2,1,2,29,1,-2,-2,-2,-2,-2,0,0,0,0,0,0,0,0,0,0,0,0,0
25,90000,1,1,2,23,0,0,0,-1,0,0,4744,7070,0,5398,6360,8292,5757,0,5398,1200,2045,2000,0
30,50000,1,1,2,26,0,0,0,0,0,0,15329,16575,17496,17907,18375,11400,1500,1500,1000,1000,1600,0,0
35,5e+05,1,1,1,58,-2,-2,-2,-2,-2,-2,13709,5006,31130,3180,0,5293,5006,31178,3180,0,5293,768,0
40,280000,1,1,2,31,-1,-1,2,-1,0,-1,498,9075,4641,9976,17976,9477,9075,0,9976,8000,9525,781,0
80,240000,2,2,2,44,1,-2,-2,-2,-2,-2,0,0,0,0,0,0,0,0,0,0,0,0,1
100,20000,1,2,1,38,0,0,0,0,0,-1,17973,19367,19559,18240,17928,150,1699,1460,626,1750,150,0,1
200,30000,2,3,2,22,1,2,2,0,0,0,29010,29256,28122,29836,1630,0,1000,85,1714,104,0,0,1
225,50000,2,3,2,37,1,3,2,0,0,0,52626,51537,49205,30394,30249,29957,0,24,1500,1000,1201,30592,1
240,140000,2,2,3,41,0,0,0,0,0,0,19346,21708,22940,19068,16409,16383,3000,2000,2198,1000,3000,2399,1
260,220000,1,1,1,48,2,0,0,0,0,0,210380,213522,201852,169115,172169,162402,10000,9020,6000,5500,6000,5500,1
270,50000,1,2,2,27,3,2,2,0,0,-1,13694,14880,14242,13968,14319,2614,1700,0,426,501,2614,1390,1
275,360000,2,2,2,28,-2,-2,-2,-2,-2,-2,0,0,0,0,0,0,0,0,0,0,0,0,1
"""


class Unfit(Exception):
    """The model must not serve; the text says why."""


def load(data):
    """The F32 tensors of a safetensors file as lists, by name, and its metadata."""
    if len(data) < 8:
        raise Unfit("model.safetensors is cut short")
    (size,) = struct.unpack_from("<Q", data)
    if size > len(data) - 8:
        raise Unfit("model.safetensors is cut short, or is not safetensors")
    header = json.loads(data[8:8 + size])
    metadata = header.pop("__metadata__")
    body, tensors = data[8 + size:], {}
    for name, t in header.items():
        start, end = t["data_offsets"]
        (count,) = t["shape"]
        if t["dtype"] != "F32" or not 0 <= start <= end <= len(body) or end - start != 4 * count:
            raise Unfit(f'tensor "{name}" does not fit the file')
        tensors[name] = list(struct.unpack_from(f"<{count}f", body, start))
    return tensors, metadata


def check(folder):
    data = (folder / "model.safetensors").read_bytes()
    metrics = json.loads((folder / "metrics.json").read_text())

    # Is it the model that training measured, and was that a good one?
    if hashlib.sha256(data).hexdigest() != metrics["model_sha256"]:
        raise Unfit("model.safetensors is not the file that metrics.json describes")
    low, high = AUC_HELD_OUT
    if not low <= metrics["auc"] <= high:
        raise Unfit(f"held-out AUC {metrics['auc']} is not within {low} to {high}")

    # Is it whole, and made for these features?
    tensors, metadata = load(data)
    if metadata["features"].split() != FEATURES:
        raise Unfit("the model was trained on other features than train.py computes")
    for name, count in (("weights", len(FEATURES)), ("bias", 1),
                        ("mean", len(FEATURES)), ("std", len(FEATURES))):
        values = tensors[name]
        if len(values) != count or not all(map(math.isfinite, values)):
            raise Unfit(f'tensor "{name}" has a wrong size or a value that is no number')
    if min(tensors["std"]) <= 0:
        raise Unfit('tensor "std" has a value that is not above zero')

    # Does it tell those who defaulted from those who did not?
    scores, labels = [], []
    for client in csv.DictReader(CLIENTS.splitlines()):
        row = [(x - m) / s for x, m, s in
               zip(features(client), tensors["mean"], tensors["std"])]
        scores.append(probability(tensors["bias"][0] + dot(tensors["weights"], row)))
        labels.append(int(client[LABEL]))
    if not all(0.0 < s < 1.0 for s in scores) or max(scores) - min(scores) < 0.1:
        raise Unfit("scores are out of range, or all the same")
    here = auc(scores, labels)
    if here < AUC_HERE:
        raise Unfit(f"AUC {here:.4f} on {len(scores)} known clients is below {AUC_HERE}")
    return f"{len(scores)} clients scored, AUC {here:.4f} here, {metrics['auc']:.4f} held out"


def main():
    if len(sys.argv) > 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) == 2 else "models/scorer")
    try:
        print(f"ok: {check(folder)}")
    except (Unfit, OSError) as e:
        sys.exit(f'scorer in "{folder}" fails: {e}')
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError,
            struct.error) as e:
        sys.exit(f'scorer in "{folder}" fails: malformed ({type(e).__name__}: {e})')


if __name__ == "__main__":
    main()
