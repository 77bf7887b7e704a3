"""Writes partitioners.vectors.ts: asks librdkafka, through confluent-kafka, where it places keys.

    npx rx-kafka broker --port 9092 --topic t1:1 --topic t3:3 --topic t7:7 --topic t12:12 --topic t100:100
    pip install confluent-kafka && python partitioners.vectors.py 127.0.0.1:9092
"""
import json
import sys
from pathlib import Path

from confluent_kafka import Producer, libversion

COUNTS = [1, 3, 7, 12, 100]
PARTITIONERS = ["murmur2_random", "fnv1a_random", "consistent_random"]
KEYS = [
    "a", "21", "foobar", "order-4711", "a-little-bit-longer-key", "customer 1 of 2", "\0", "Zürich", "日本語", "🚀 key", "e\u0301",
    "k" * 63, "k" * 64, "k" * 65, "long " * 200, "ü" * 100,
    b"\x00\x00\x00\x00", b"\xff", b"\xff\xfe\xfd\xfc\xfb", bytes(range(256)), b"\x80\x81\x82",
] + [f"key-{i}" for i in range(12)]


def place(brokers: str, partitioner: str, keys: list) -> list:
    producer = Producer({"bootstrap.servers": brokers, "partitioner": partitioner, "linger.ms": 0})
    placed = [[None] * len(COUNTS) for _ in keys]
    for i, key in enumerate(keys):
        for j, count in enumerate(COUNTS):
            def delivered(error, message, i=i, j=j):
                assert error is None, error
                placed[i][j] = message.partition()
            producer.produce(f"t{count}", b"v", key=key, on_delivery=delivered)
    assert producer.flush(30) == 0
    return placed


brokers = sys.argv[1]
# An empty key: a key for `murmur2_random` and `fnv1a_random`, none for `consistent_random`, which the repetitions show.
spread = {name: {tuple(row) for row in place(brokers, name, [""] * 20)} for name in PARTITIONERS}
print({name: len(rows) for name, rows in spread.items()}, file=sys.stderr)
all_placed = {name: place(brokers, name, KEYS) for name in PARTITIONERS}


def literal(key) -> str:
    if isinstance(key, bytes):
        return f"Buffer.from('{key.hex()}', 'hex')"
    head = key[: next((n for n in range(1, len(key)) if key == key[:n] * (len(key) // n)), len(key))]
    text = json.dumps(head, ensure_ascii=True)
    return text if head == key else f"{text}.repeat({len(key) // len(head)})"


rows = [[literal(key), *(all_placed[name][i] for name in PARTITIONERS)] for i, key in enumerate(KEYS)]
empty = [list(next(iter(spread[name]))) if len(spread[name]) == 1 else "RANDOM" for name in PARTITIONERS]
rows.append(['""', *empty])
lines = [f"  [{', '.join(str(cell) if cell != 'RANDOM' else 'undefined' for cell in row)}]," for row in rows]
Path(__file__).with_suffix(".ts").write_text(f"""\
import {{ Buffer }} from 'node:buffer'

/** Where librdkafka {libversion()[0]} places keys: partitioners.vectors.py has asked it, against this project's broker. */

/** The numbers of partitions. */
export const COUNTS: readonly number[] = {COUNTS}

type Placed = readonly number[]

/**
 * A key and its partition for each of {{@link COUNTS}}, by `murmur2_random`, `fnv1a_random` and `consistent_random`; undefined where the
 * partition differs each time.
 */
export const VECTORS: readonly (readonly [key: string | Buffer, murmur2: Placed, fnv1a: Placed, consistentRandom: Placed | undefined])[] = [
{chr(10).join(lines)}
]
""")
