"""What is measured on: the processor, its load, and which of its cores the measured processes may use."""

import datetime
import os
import platform

BUSY_LOAD_PER_CPU = 0.5


def _read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def describe():
    """CPU model, kernel, date and load, as they are now."""
    models = [line.split(":", 1)[1].strip() for line in _read("/proc/cpuinfo").splitlines()
              if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.machine(),
        "cpus": os.cpu_count() or 1,
        "cpus_allowed": len(os.sched_getaffinity(0)),
        "kernel": f"{platform.system()} {platform.release()}",
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "load_average": round(os.getloadavg()[0], 2),
    }


def warning(machine):
    """A sentence where something else keeps this machine busy, else None."""
    if machine["load_average"] <= BUSY_LOAD_PER_CPU * machine["cpus"]:
        return None
    return (f"the load average is {machine['load_average']:.2f} on {machine['cpus']} CPUs before anything was started: "
            "other work disturbs these figures")


def _core(cpu):
    """What tells one physical core from another; each CPU is its own where the kernel does not say."""
    folder = f"/sys/devices/system/cpu/cpu{cpu}/topology"
    core = tuple(_read(f"{folder}/{name}").strip() for name in ("physical_package_id", "core_id"))
    return core if all(core) else (cpu,)


def choose_cpus(count, allowed=None, core=_core):
    """The CPUs to pin to, each on a physical core of its own as far as there are so many; None where too few."""
    allowed = sorted(os.sched_getaffinity(0) if allowed is None else allowed)
    firsts, siblings, seen = [], [], set()
    for cpu in allowed:
        (siblings if core(cpu) in seen else firsts).append(cpu)
        seen.add(core(cpu))
    chosen = (firsts + siblings)[:count]
    return sorted(chosen) if len(chosen) == count else None
