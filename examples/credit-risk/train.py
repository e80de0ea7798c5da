#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Train the credit-risk scorer: will this client miss next month's payment?

Logistic regression by stochastic gradient descent, on the standard library
alone.  Run it in the workspace; it reads data/transactions/*.csv and writes
models/scorer/model.safetensors and models/scorer/metrics.json.

The same data gives the same bytes, on any machine and any Python from 3.11.
So only arithmetic that IEEE 754 rounds one way is used: + - * / and sqrt, and
math.fsum for sums (the built-in sum() changed its rounding in Python 3.12, and
exp() and log() differ from one C library to the next).
"""

import csv
import hashlib
import json
import math
import operator
import os
import pathlib
import random
import struct
import sys

DATA = pathlib.Path("data/transactions")
MODEL = pathlib.Path("models/scorer")

SEED = 20050930          # the month that the data describes
EPOCHS = 8
RATE = 0.02              # step size of the first epoch; then 1/2, 1/3, … of it

LABEL = "default.payment.next.month"
MONTHS = ("PAY_0", "PAY_2", "PAY_3", "PAY_4", "PAY_5", "PAY_6")
FEATURES = (
    ["limit", "age", "graduate", "university"]
    + [f"{m.lower()}_late" for m in MONTHS]
    + [f"{m.lower()}_very_late" for m in MONTHS]
    + [f"{m.lower()}_unused" for m in MONTHS]
    + ["months_late", "used_1", "used_6"]
    + [f"bill_{i}" for i in range(1, 7)]
    + [f"paid_{i}" for i in range(1, 7)]
)


def features(client):
    """The FEATURES of one client, given a row of the CSV as a dict of text.

    SEX and MARRIAGE are left out: a lender has no business with them.
    """
    limit = float(client["LIMIT_BAL"])
    late = [int(client[m]) for m in MONTHS]
    bills = [float(client[f"BILL_AMT{i}"]) for i in range(1, 7)]
    paid = [float(client[f"PAY_AMT{i}"]) for i in range(1, 7)]
    return (
        [math.sqrt(limit), float(client["AGE"]),
         float(client["EDUCATION"] == "1"), float(client["EDUCATION"] == "2")]
        + [float(n >= 1) for n in late]
        + [float(n >= 2) for n in late]
        + [float(n == -2) for n in late]
        + [float(len([n for n in late if n >= 1])),
           bills[0] / limit, bills[5] / limit]
        + [math.copysign(math.sqrt(abs(b)), b) for b in bills]
        + [math.sqrt(p) for p in paid]
    )


def exp(x):
    """e to the x, for |x| <= 40, by basic arithmetic only."""
    r = x / 256.0
    y = 1.0 + r * (1.0 + r / 2.0 * (1.0 + r / 3.0 * (1.0 + r / 4.0 * (1.0 + r / 5.0))))
    for _ in range(8):
        y *= y
    return y


def probability(logit):
    return 1.0 / (1.0 + exp(-max(-40.0, min(40.0, logit))))


def dot(a, b):
    return math.fsum(map(operator.mul, a, b))


def auc(scores, labels):
    """Chance that a client who defaults scores above one who does not."""
    ranked = sorted(zip(scores, labels))
    wins = below = 0.0
    i = 0
    while i < len(ranked):
        j = i
        good = bad = 0
        while j < len(ranked) and ranked[j][0] == ranked[i][0]:
            bad += ranked[j][1]
            good += 1 - ranked[j][1]
            j += 1
        wins += bad * (below + good / 2.0)
        below += good
        i = j
    return wins / (below * (len(ranked) - below))


def read_clients(folder):
    """All rows below folder, in the order of file names and of lines."""
    clients = []
    for path in sorted(folder.glob("*.csv")):
        try:
            with path.open(newline="", encoding="ascii") as f:
                part = list(csv.DictReader(f))
        except (OSError, ValueError, csv.Error) as e:
            sys.exit(f'cannot read "{path}": {e}')
        if not part or LABEL not in part[0]:
            sys.exit(f'"{path}" is not a table of clients: restore it')
        clients.extend(part)
    if not clients:
        sys.exit(f'no rows in "{folder}/*.csv": restore the data, or run this in the workspace')
    return clients


def fit(rows, labels):
    """Weights and bias that explain labels by rows of standardised features."""
    weights, bias = [0.0] * len(rows[0]), 0.0
    rng = random.Random(SEED)
    for epoch in range(EPOCHS):
        rate = RATE / (1 + epoch)
        keys = [rng.random() for _ in rows]
        for i in sorted(range(len(rows)), key=keys.__getitem__):
            row = rows[i]
            step = rate * (labels[i] - probability(bias + dot(weights, row)))
            weights = [w + step * x for w, x in zip(weights, row)]
            bias += step
    return weights, bias


def safetensors(tensors, metadata):
    """One safetensors file: header size, JSON header, then the F32 values."""
    header, body = {"__metadata__": metadata}, b""
    for name, values in tensors:
        data = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": [len(values)],
                        "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body


def write(path, data):
    """Put data at path so that a reader sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    os.replace(part, path)


def main():
    clients = read_clients(DATA)

    # Every fifth client is held out; nothing below learns from them.
    held = [c for c in clients if int(c["ID"]) % 5 == 0]
    used = [c for c in clients if int(c["ID"]) % 5 != 0]

    # Standardise by what the training part shows.
    raw = [features(c) for c in used]
    columns = list(zip(*raw))
    mean = [math.fsum(c) / len(c) for c in columns]
    std = [math.sqrt(math.fsum((x - m) * (x - m) for x in c) / len(c)) or 1.0
           for c, m in zip(columns, mean)]
    rows = [[(x - m) / s for x, m, s in zip(r, mean, std)] for r in raw]
    weights, bias = fit(rows, [int(c[LABEL]) for c in used])

    model = safetensors(
        [("weights", weights), ("bias", [bias]), ("mean", mean), ("std", std)],
        {"kind": "logistic-regression", "label": LABEL, "features": " ".join(FEATURES)})

    # Judge it on the clients that it has not seen.
    labels = [int(c[LABEL]) for c in held]
    logits = [bias + dot(weights, [(x - m) / s for x, m, s in zip(features(c), mean, std)])
              for c in held]
    right = len([1 for z, y in zip(logits, labels) if (z > 0.0) == (y == 1)])
    metrics = {
        "rows_trained": len(used),
        "rows_held_out": len(held),
        "auc": round(auc(logits, labels), 6),
        "accuracy": round(right / len(held), 6),
        "model_sha256": hashlib.sha256(model).hexdigest(),
    }

    write(MODEL / "model.safetensors", model)
    write(MODEL / "metrics.json", (json.dumps(metrics, indent=2) + "\n").encode())
    print(f"trained on {len(used)} clients, held out {len(held)}: "
          f"AUC {metrics['auc']:.4f}, accuracy {metrics['accuracy']:.4f}")


if __name__ == "__main__":
    main()
