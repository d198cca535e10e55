"""Debian's Prometheus beside the product: loads our alert file, scrapes /metrics, answers the dashboard's queries."""

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode
from urllib.request import urlopen

from tests.e2e.product import ROOT, Product, free_ports, until

OPS = ROOT / "callserver" / "ops"


class Prometheus:
    """Scrapes a product every second, with our own files."""

    def __init__(self, product: Product, directory: Path) -> None:
        found = subprocess.run([ROOT / ".ci" / "need", "prometheus"], capture_output=True, text=True, check=False)
        assert found.returncode == 0, found.stderr
        self._programs = Path(found.stdout.strip())
        self._product = product
        self._directory = directory
        self._port = free_ports()

    async def __aenter__(self) -> Self:
        sample = (OPS / "prometheus" / "prometheus.yml").read_text()
        wanted = sample.replace("127.0.0.1:8080", f"127.0.0.1:{self._product.port}")
        wanted = wanted.replace("scrape_interval: 15s", "scrape_interval: 1s\n  evaluation_interval: 1s")
        assert "scrape_interval: 1s" in wanted
        assert str(self._product.port) in wanted
        self._config = self._directory / "prometheus.yml"
        self._config.write_text(wanted)
        (self._directory / "alerts.yml").write_text((OPS / "prometheus" / "alerts.yml").read_text())
        self._process = self._spawn()
        return self

    def _spawn(self) -> subprocess.Popen[bytes]:
        with (self._directory / "prometheus.log").open("wb") as log:
            command = [self._programs / "prometheus", f"--config.file={self._config}"]
            command += [
                f"--storage.tsdb.path={self._directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{self._port}",
            ]
            return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)

    async def __aexit__(self, *error: object) -> None:
        self._process.terminate()
        await asyncio.to_thread(self._process.wait, 10)

    def promtool(self, *arguments: str, text: str = "") -> str:
        """What it complains of; empty: nothing."""
        command = [self._programs / "promtool", *arguments]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, cwd=self._directory)
        return "" if done.returncode == 0 else done.stdout + done.stderr

    async def check_files(self) -> str:
        """promtool's complaints of configuration, alert rules and what /metrics says now."""
        _, metrics = await self._product.get("/metrics")
        return self.promtool("check", "config", str(self._config)) + self.promtool("check", "metrics", text=metrics)

    async def ask(self, path: str, **query: str) -> Any:
        """Of its own API, `data` of the answer."""

        def get() -> Any:
            url = f"http://127.0.0.1:{self._port}/api/v1/{path}?{urlencode(query)}"
            with urlopen(url, timeout=5) as answer:
                return json.load(answer)["data"]

        return await asyncio.to_thread(get)

    async def without_data(self) -> list[str]:
        """Panels and expressions of the dashboard that find nothing now, its variables among them."""
        dashboard = json.loads((OPS / "grafana" / "callserver.json").read_text())
        empty = []
        for label in ("job", "instance"):
            assert f"label_values(callserver_ready, {label})" in json.dumps(dashboard["templating"])
            if not await self.ask(f"label/{label}/values", **{"match[]": "callserver_ready"}):
                empty.append(label)
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                expression = target["expr"]
                for variable in dashboard["templating"]["list"]:
                    expression = expression.replace(f"${variable['name']}", ".*")
                if not (await self.ask("query", query=expression))["result"]:
                    empty.append(f"{panel['title']}: {target['expr']}")
        return empty

    async def rules(self) -> dict[str, str]:
        """Alert rule: its health, once all were evaluated."""

        async def evaluated() -> dict[str, str]:
            groups = (await self.ask("rules"))["groups"]
            found = {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}
            return {} if "unknown" in found.values() else found

        return await until(evaluated, "all rules are evaluated")
