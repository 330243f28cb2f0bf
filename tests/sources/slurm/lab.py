"""A real Slurm on loopback: munged, slurmctld and one slurmd a node, as one user."""

import os
import secrets
import shutil
import stat
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from gpuwatch.testing import claimed_port

START_SECONDS = 30.0
END_SECONDS = 3.0
PROGRAMS = ("munged", "slurmctld", "slurmd", "squeue", "sbatch", "scancel", "sinfo")
# Debian keeps daemons off an ordinary user's PATH.
PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"

CONF = """\
ClusterName=sim
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={munge},cred_expire=5
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/state/ctld.pid
SlurmdPidFile={folder}/spool/%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=0
MpiDefault=none
ReturnToService=1
KillWait=2
MailProg=/bin/true
GresTypes=gpu
SlurmdParameters=config_overrides
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
NODE = (
    "NodeName=node{n:02d} NodeHostname=localhost NodeAddr=127.0.0.1 Port={port} "
    "CPUs=16 SocketsPerBoard=2 CoresPerSocket=8 ThreadsPerCore=1 RealMemory=64000 "
    "Gres=gpu:h100:8\n"
)


def gpu_files(folder: Path) -> str:
    """Eight character devices to stand for GPUs."""
    if os.geteuid() != 0:
        return "/dev/tty[0-7]"
    for slot in range(8):
        os.mknod(folder / f"gpu{slot}", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    return f"{folder}/gpu[0-7]"


def slurm_available() -> bool:
    devices = os.geteuid() == 0 or Path("/dev/tty7").is_char_device()
    return devices and all(shutil.which(name, path=PATH) for name in PROGRAMS)


class SlurmLab:
    """Nodes node01, node02, ... of eight GPUs; `env` is what its clients need."""

    def __init__(self, folder: Path, nodes: int) -> None:
        self.folder, self.nodes = folder, nodes
        self.env: Mapping[str, str] = {
            "PATH": PATH,
            "SLURM_CONF": str(folder / "slurm.conf"),
        }
        self._started: list[tuple[str, subprocess.Popen[bytes]]] = []

    def write(self, ports: Sequence[int], user: str, devices: str) -> None:
        for name in ("state", "spool", "munge"):
            (self.folder / name).mkdir()
        self.folder.chmod(0o755)
        key = self.folder / "munge/key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o400)
        socket = self.folder / "munge/sock"
        conf = CONF.format(port=ports[0], user=user, folder=self.folder, munge=socket)
        conf += "".join(
            NODE.format(n=n, port=port) for n, port in enumerate(ports[1:], 1)
        )
        (self.folder / "slurm.conf").write_text(conf)
        (self.folder / "gres.conf").write_text(
            f"AutoDetect=off\nNodeName=node[01-{self.nodes:02d}] Name=gpu Type=h100 "
            f"Count=8 File={devices}\n"
        )

    def start(self) -> None:
        munge = self.folder / "munge"
        self._run("munged", "--foreground", "--force", f"--key-file={munge}/key",
                  f"--socket={munge}/sock", f"--pid-file={munge}/pid",
                  f"--seed-file={munge}/seed", f"--log-file={munge}/log",
                  "--num-threads=2")  # fmt: skip
        self._await("munged", (munge / "sock").is_socket)
        self._run("slurmctld", "-D", "-c")
        self._await("slurmctld", lambda: "UP" in self.say("scontrol", "ping"))
        for node in range(1, self.nodes + 1):
            self._run("slurmd", "-D", "-N", f"node{node:02d}")
        self._await("idle nodes", self._all_idle)

    def _all_idle(self) -> bool:
        states = self.say("sinfo", "-h", "-N", "-o", "%T").split()
        return states == ["idle"] * self.nodes

    def _run(self, name: str, *words: str) -> None:
        log = self.folder / f"{name}-{len(self._started)}.log"
        with log.open("wb") as out:
            program = shutil.which(name, path=PATH) or name
            process = subprocess.Popen(
                [program, *words], env=self.env, stdin=subprocess.DEVNULL, stdout=out,
                stderr=out, start_new_session=True,
            )  # fmt: skip
        self._started.append((name, process))

    def _await(self, what: str, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not done():
            if time.monotonic() > deadline:
                logs = [p.read_text()[-800:] for p in self.folder.glob("*.log")]
                raise RuntimeError(f"no {what}:\n" + "\n".join(logs))
            time.sleep(0.05)

    def say(self, *command: str) -> str:
        """What a client prints, errors too."""
        done = subprocess.run(
            command, env=self.env, capture_output=True, text=True, check=False,
            cwd=self.folder,
        )  # fmt: skip
        return done.stdout + done.stderr

    def submit(self, *options: str) -> str:
        """A job that runs until it is cancelled; its number once it runs."""
        words = ("--parsable", "--output=/dev/null", "--wrap=sleep 600", *options)
        number = self.say("sbatch", *words).strip()
        self._await(f"job {number}", lambda: self._runs(number))
        return number

    def _runs(self, number: str) -> bool:
        states = self.say("squeue", "-h", "-j", number, "-o", "%T").split()
        return bool(states) and set(states) == {"RUNNING"}

    def await_end_of_jobs(self) -> None:
        running = ("squeue", "-h", "-t", "R,CG,S")
        self._await("end of jobs", lambda: not self.say(*running).strip())

    def stop_controller(self) -> None:
        """As when the head node of Slurm dies."""
        self._end("slurmctld")

    def stop(self) -> None:
        """Jobs first: a dead slurmd leaves its jobs' processes behind."""
        if any(name == "slurmctld" for name, _ in self._started):
            user = self.say("id", "-un").strip()
            self.say("scancel", f"--user={user}")
            self.await_end_of_jobs()
        for name in ("slurmd", "slurmctld", "munged"):
            self._end(name)

    def _end(self, name: str) -> None:
        mine = [process for other, process in self._started if other == name]
        for process in mine:
            process.terminate()
        for process in mine:
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._started = [pair for pair in self._started if pair[0] != name]


@contextmanager
def slurm_lab(nodes: int) -> Iterator[SlurmLab]:
    """Only where `slurm_available`."""
    with ExitStack() as stack:
        # not pytest's folder: a socket's path may have 107 letters
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="slurm")))
        devices = gpu_files(folder)
        ports = [stack.enter_context(claimed_port()) for _ in range(nodes + 1)]
        lab = SlurmLab(folder, nodes)
        stack.callback(lab.stop)
        user = subprocess.check_output(["id", "-un"], text=True).strip()
        lab.write(ports, user, devices)
        lab.start()
        yield lab
