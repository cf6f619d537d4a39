"""The server process: moto with our extensions behind the front door, on one port of this machine."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType

from werkzeug.wrappers import Response

from sandbox import accounts, workloads
from sandbox.settings import Settings, from_environment

log = logging.getLogger("sandbox")


def configure_moto() -> None:
    """Set moto's switches. They are read partly at import, partly at each use, so both ways are taken."""
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
    os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"
    os.environ["S3_IGNORE_SUBDOMAIN_BUCKETNAME"] = "true"
    os.environ.pop("MOTO_ACCOUNT_ID", None)
    from moto import settings as moto_settings  # noqa: PLC0415

    moto_settings.S3_IGNORE_SUBDOMAIN_BUCKETNAME = True
    moto_settings.DISABLE_GLOBAL_CORS = True


class Application:
    """Everything behind the port: extensions installed, accounts made, front door open."""

    def __init__(self, settings: Settings) -> None:
        configure_moto()
        from moto.moto_server import werkzeug_app  # noqa: PLC0415

        from sandbox import admin, board, door, extensions, faults, identity  # noqa: PLC0415
        from sandbox.runtime import clock  # noqa: PLC0415

        werkzeug_app.DISABLE_GLOBAL_CORS = True
        # moto lists its own folder twice for each request, which costs as much as deciding about it
        modules = tuple(werkzeug_app.backends.list_of_moto_modules())
        werkzeug_app.backends.list_of_moto_modules = lambda: modules
        self.settings = settings
        self._extensions = extensions
        settings.home.mkdir(parents=True, exist_ok=True)
        door.forget_handlers()
        board.forget_providers()
        admin.prepare(settings)
        identity.remember_sessions()
        if not settings.aws_credentials.exists():
            accounts.write_files(settings)
        accounts.create(settings)
        clock.begin()
        self._installed = extensions.install_all(settings)
        moto_app = werkzeug_app.DomainDispatcherApplication(werkzeug_app.create_backend_app)
        self.door = door.Door(moto_app, settings.requests_log)
        began = time.time()
        about = {"run_id": settings.run_id, "pid": os.getpid(), "accounts": dict(settings.accounts)}

        def health(_: object) -> Response:
            now = {"clock": clock.shared().describe(), "faults": faults.registry().count}
            text = json.dumps({**about, "uptime_s": round(time.time() - began, 1), **now})
            return Response(text, content_type="application/json")

        door.on_path("/_sandbox/health", health)

    def close(self) -> None:
        """Stop the clock, shut the extensions down, end every workload, close the log."""
        from sandbox.runtime import clock  # noqa: PLC0415

        clock.shared().stop()
        self._extensions.shutdown_all(self._installed)
        workloads.stop_all(self.settings)
        self.door.close()


class Server:
    """The application on its port. `start()` serves from a thread of its own; `close()` ends everything."""

    def __init__(self, settings: Settings) -> None:
        from sandbox.web import HttpServer  # noqa: PLC0415

        self.application = Application(settings)
        self.http = HttpServer(settings.host, settings.port, self.application.door)
        self._thread = threading.Thread(target=self.http.serve_forever, name="http", daemon=True)

    def start(self) -> Server:
        """Serve; returns at once."""
        self._thread.start()
        return self

    def close(self) -> None:
        """Take no more requests, then close the application."""
        if self._thread.is_alive():
            self.http.shutdown()
        self.http.server_close()
        self.application.close()


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM or SIGINT. Exit code 0 after a clean end, 1 when the server cannot start."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.server")
    parser.add_argument("--home", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--run-id", required=True)
    options = parser.parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    logging.getLogger("botocore").setLevel(logging.WARNING)
    settings = from_environment(home=options.home, port=options.port, run_id=options.run_id)
    over = threading.Event()

    def leave(signum: int, _: FrameType | None) -> None:
        log.info("signal %s: ending", signal.Signals(signum).name)
        over.set()

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the terminal that started us may close
    workloads.watch(settings)
    began = time.perf_counter()
    server = Server(settings).start()
    log.info("serving %s (%s) after %.1f s", settings.url, accounts.names(), time.perf_counter() - began)
    over.wait()
    server.close()
    log.info("ended")
    return 0


def running_in(home: Path, port: int) -> Server:
    """Return a server for tests inside this process: its files in `home`, moto's state reset."""
    configure_moto()
    from moto.core.base_backend import BackendDict  # noqa: PLC0415
    from moto.core.model_instances import reset_model_data  # noqa: PLC0415

    from sandbox import identity  # noqa: PLC0415

    BackendDict.reset()
    reset_model_data()
    identity.forget_sessions()
    settings = from_environment(home=str(home), port=port, run_id=f"in-{os.getpid()}-{port}")
    return Server(settings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
