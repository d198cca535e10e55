"""The control process: wires store, media pool, call service and web server, and ends them in order.

SIGTERM: /readyz turns false, clients are told, calls may go on for drain_timeout; then they end with `shutdown`.
"""

import asyncio
import logging
import os
import secrets
import signal
import ssl
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import uvloop

from callserver import __version__, logs
from callserver.config import ConfigError, HttpSettings, Settings, TurnSettings
from callserver.ops.country import country
from callserver.ops.health import Health
from callserver.ops.history_routes import History, SqlHistory
from callserver.ops.metrics import Metrics
from callserver.ops.observed import ObservedEngine
from callserver.ops.operations import Operations
from callserver.ops.precall import PreCall
from callserver.ops.tracing import make_traces
from callserver.quality.endpoints import routes as quality_routes
from callserver.quality.recorder import Recorder
from callserver.quality.store import QualityStore
from callserver.recordings.library import RecordingLibrary
from callserver.recordings.settings import policy
from callserver.recordings.vault import RecordingFiles, Vault
from callserver.store.database import Database, sqlite_url
from callserver.store.recordings import RecordingRows
from callserver.store.records import SqlRecords
from callserver.supervise import worker_count, worker_starter
from media.api import MediaEngine
from media.errors import MediaError
from media.io import worker_files
from media.io.pool import WorkerPool
from signaling.http.address import Proxies
from signaling.http.context import HttpOptions, Web
from signaling.http.passwords import Passwords
from signaling.http.photo_studio import PhotoStudio
from signaling.http.server import Listen, Server
from signaling.http.static import Tree
from signaling.http.tokens import Tokens, turn_servers
from signaling.protocol import IceServer, QualityReport
from signaling.quality import Reading
from signaling.rules import CallRules
from signaling.service import Service

logger = logging.getLogger(__name__)

WEB_ROOT = Path(__file__).resolve().parent.parent / "web"
EXIT_CANNOT_START = 1
EXIT_FAILED = 3
EXIT_CONFIG = 2
"""Tells the supervisor not to try again."""

DRAIN_POLL = 0.1


@dataclass
class Control:
    """The running parts; tests look inside."""

    settings: Settings
    records: SqlRecords
    tokens: Tokens
    service: Service
    health: Health
    operations: Operations
    library: RecordingLibrary
    server: Server
    recorder: Recorder
    ports: tuple[int, ...] = ()


def run_control(settings: Settings, config: Path | None = None) -> int:
    """Be the control process until SIGTERM; return the exit code."""
    logs.configure(settings.log)
    try:
        directory = worker_files.run_directory(settings.data_dir)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings, directory, config))
    except ConfigError as error:
        print(f"callserver: {error}", file=sys.stderr)
        return EXIT_CONFIG
    except (MediaError, OSError) as error:
        logger.error("the control process cannot run: %s", error)
        return EXIT_CANNOT_START
    except Exception:
        logger.exception("the control process failed")
        return EXIT_FAILED
    return 0


async def _serve(settings: Settings, directory: Path, config: Path | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    media = settings.media
    pool = WorkerPool(
        directory,
        worker_starter(config),
        count=worker_count(media),
        port=media.port,
        spare=media.spare,
        max_calls_per_worker=media.max_calls_per_worker,
    )
    await pool.start()
    try:
        async with control(settings, pool) as running:
            logger.info("serving", extra={"ports": running.ports, "workers": worker_count(media)})
            await stop.wait()
            await drain(running)
        await pool.drain(0.0)
    finally:
        await pool.close()


@asynccontextmanager
async def control(settings: Settings, engine: MediaEngine) -> AsyncIterator[Control]:
    """Everything but the media engine and signals, running. Leaving ends it; calls stay in store and engine."""
    async with AsyncExitStack() as stack:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        database = Database(settings.database_url or sqlite_url(settings.data_dir))
        stack.push_async_callback(database.close)
        await database.migrate()
        running = _assemble(settings, engine, database)
        stack.push_async_callback(running.library.close)
        start = await stack.enter_async_context(_background())
        start(running.service.run())
        start(running.recorder.run())
        stack.push_async_callback(running.recorder.flush)
        start(running.health.run())
        start(running.operations.run())
        start(running.library.run())
        await running.service.started()
        stack.push_async_callback(running.server.stop)
        running.ports = tuple(await running.server.start(_addresses(settings.http)))
        start(running.server.run())
        yield running


def _assemble(settings: Settings, engine: MediaEngine, database: Database) -> Control:
    metrics, tokens = Metrics(), Tokens(secret_key(settings.data_dir), time.time)
    records, studio = SqlRecords(database), PhotoStudio()
    vault = Vault(recording_files(settings), records, studio)
    library = RecordingLibrary(
        vault,
        RecordingRows(database),
        records,
        settings.data_dir / "made",
        signer=signing_key_file(settings),
        most_bytes=int(settings.recording.max_gigabytes * 1e9),
        clean_voice=settings.recording.clean_voice,
    )

    def measured(call_id: str, role: str, report: QualityReport) -> None:
        _measured(metrics, role, report)
        recorder.page_reported(call_id, role, report)

    recorder = _recorder(settings, database, lambda: service)
    service = Service(
        ObservedEngine(engine, metrics.connected, time.monotonic, recorder.reported, make_traces(settings.trace)),
        records,
        call_rules(settings),
        photo_token=tokens.make_photo_token,
        vault=vault,
        ice_servers=lambda session_id: ice_servers(settings.turn, session_id, time.time()),
        on_quality=measured,
    )
    health = Health(
        engine,
        records.check_writable,
        lambda: service.ready,
        max_loop_lag=settings.max_loop_lag,
        max_cpu=settings.max_cpu,
    )
    http = settings.http
    shared = Web(
        options=HttpOptions(
            web_root=WEB_ROOT,
            public_url=http.public_url,
            connections_per_address=http.connections_per_address,
            demo=settings.demo,
            version=__version__,
            policy=policy(settings.recording, settings.call.waiting_music),
        ),
        records=records,
        service=service,
        library=library,
        tokens=tokens,
        passwords=Passwords(time.monotonic),
        studio=studio,
        tree=Tree(WEB_ROOT),
        proxies=Proxies(http.trusted_proxies, http.public_url),
        wall_clock=time.time,
        clock=time.monotonic,
        overload=health.overload,
        country=country,
        count=metrics.count,
    )
    precall = PreCall(engine, time.monotonic, lambda test_id: ice_servers(settings.turn, test_id, time.time()))
    history = History(SqlHistory(database), records.agents, time.time)
    operations = Operations(settings, health, metrics, service, recorder.live, recorder.news, history, precall)
    server = Server(shared, [*operations.routes(), *quality_routes(recorder)])
    return Control(settings, records, tokens, service, health, operations, library, server, recorder)


def _recorder(settings: Settings, database: Database, service: Callable[[], Service]) -> Recorder:
    """What is measured of calls; `service` is asked only when something is."""

    def advise(call_id: str, role: str, reading: Reading) -> None:
        service().advise(call_id, role, reading)

    keep = settings.quality
    return Recorder(
        QualityStore(database),
        lambda: service().calls,
        advise,
        keep_days=keep.keep_days,
        keep_minutes_days=keep.keep_minutes_days,
    )


@asynccontextmanager
async def _background() -> AsyncIterator[Callable[[Coroutine[None, None, None]], None]]:
    """Tasks that run until the block is left; if one fails, the block is cancelled and the failure raised."""
    failure: Exception | None = None
    async with asyncio.TaskGroup() as tasks:
        started: list[asyncio.Task[None]] = []
        try:
            yield lambda work: started.append(tasks.create_task(work))
        except Exception as error:
            failure = error
        finally:
            for task in started:
                task.cancel()
    if failure is not None:
        raise failure


async def drain(running: Control) -> None:
    """No new calls; wait for those in progress up to drain_timeout, then end them."""
    running.health.draining = True
    timeout = running.settings.drain_timeout
    running.service.drain(time.time() + timeout)
    logger.info("draining", extra={"timeout": timeout, **running.service.counts()})
    deadline = time.monotonic() + timeout
    while not running.service.drained and time.monotonic() < deadline:  # noqa: ASYNC110 - once in a life
        await asyncio.sleep(DRAIN_POLL)
    await running.service.end_calls()


def call_rules(settings: Settings) -> CallRules:
    """The rules of calls as the operator set them."""
    call, media = settings.call, settings.media
    return CallRules(
        ring_timeout=call.ring_timeout,
        queue_timeout=call.queue_timeout,
        ring_agents=call.ring_agents,
        resume_window=call.resume_window,
        heartbeat=call.heartbeat,
        dtx=media.dtx,
        max_video_bps=media.max_video_bps,
    )


def recording_files(settings: Settings) -> RecordingFiles:
    """Where recordings and their master keys lie; nothing is made before the first recording."""
    wanted = settings.recording
    directory = Path(wanted.directory) if wanted.directory else settings.data_dir / "recordings"
    key_file = Path(wanted.key_file) if wanted.key_file else settings.data_dir / "recording.keys"
    return RecordingFiles(directory, key_file)


def signing_key_file(settings: Settings) -> Path:
    """The private key that signs evidence."""
    return settings.data_dir / "evidence.key"


def ice_servers(turn: TurnSettings, session_id: str, wall_time: float) -> list[IceServer]:
    """TURN servers with credentials for one session; none if none are configured."""
    return turn_servers(turn.urls, turn.secret, session_id, wall_time + turn.ttl)


def secret_key(data_dir: Path) -> bytes:
    """The key of everything we sign, made at the first start. Raise ConfigError if it cannot be used."""
    path = data_dir / "secret.key"
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            # Written aside and linked: whoever comes second, or after a crash, finds a whole key or none.
            fresh = path.with_name(f"secret.{secrets.token_hex(4)}")
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(32))
            with suppress(FileExistsError):
                os.link(fresh, path)
            fresh.unlink()
        key = bytes.fromhex(path.read_text().strip())
        if path.stat().st_mode & 0o077:
            logger.warning("%s can be read by others: chmod 600 it", path)
    except (OSError, ValueError) as error:
        raise ConfigError(
            [f"{path}: cannot be used: {error}; expected 64 hex digits, or no file to make one"]
        ) from error
    if len(key) < 32:
        raise ConfigError([f"{path}: {len(key)} bytes are too short; expected 32 (64 hex digits)"])
    return key


def _addresses(http: HttpSettings) -> list[Listen]:
    if not http.tls_certificate:
        return [Listen(http.host, http.port)]
    try:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(http.tls_certificate, http.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError([f"http.tls_certificate, http.tls_key: cannot be used: {error}"]) from error
    secure = Listen(http.host, http.tls_port or http.port, tls)
    return [Listen(http.host, http.port), secure] if http.tls_port else [secure]


def _measured(metrics: Metrics, role: str, report: QualityReport) -> None:
    if report.audio_loss is not None:
        metrics.audio_loss(role, report.audio_loss)
