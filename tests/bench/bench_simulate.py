"""`iot-ca simulate` on a folder of device certificates, against a bare loop that loads them and checks signatures."""

from __future__ import annotations

import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.certificates import make_ca, make_device
from support.simulation_table import ref, template

from iot_multiaccount_ca import CaCertificate, JitpTemplateBody
from iot_multiaccount_ca.cli.commands.simulate import run_all
from iot_multiaccount_ca.cli.simulation.registrations import Registration

if TYPE_CHECKING:
    from collections.abc import Callable

_CA = make_ca("ec-p256", common_name="Bench CA")
_DEVICES = 2_000


def main() -> None:
    """Print the ratio, and what a device takes of memory."""
    body = JitpTemplateBody.from_dict(template("CommonName", thing={"ThingName": ref("CommonName")}))
    registration = Registration("111111111111", "eu-west-1", CaCertificate.from_pem(_CA.pem), body)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for number in range(_DEVICES):
            (folder / f"{number}.pem").write_text(make_device(_CA, f"d{number}", key_name="bench").pem)

        def dry_runs() -> None:
            run_all([folder], [registration], None, one=False)

        def bare() -> None:
            for path in folder.iterdir():
                x509.load_pem_x509_certificate(path.read_bytes()).verify_directly_issued_by(_CA.certificate)

        ours, by_hand = _seconds(dry_runs), _seconds(bare)
        tracemalloc.start()
        kept = run_all([folder], [registration], None, one=False)
        size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(kept[0]) == _DEVICES
    print(
        f"{_DEVICES:,} devices: {ours / by_hand:.1f} times the CPU time of loading each and checking its signature, "
        f"{ours / _DEVICES * 1000:.2f} ms and {size / _DEVICES / 1000:.1f} kB a device here"
    )


def _seconds(run: Callable[[], None]) -> float:
    run()
    return min(_once(run) for _ in range(3))


def _once(run: Callable[[], None]) -> float:
    started = time.process_time()
    run()
    return time.process_time() - started


if __name__ == "__main__":
    main()
