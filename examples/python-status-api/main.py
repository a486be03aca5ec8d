"""A FastAPI service that reads the status of a fleet, over one viewer's connection: `pip install fastapi uvicorn`."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException

from agent_heartbeat import FleetWatcher

sys.path.insert(0, str(Path(__file__).parents[1]))
from python_settings import settings_from_environment


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with FleetWatcher(**settings_from_environment()) as fleet:
        app.state.fleet = fleet
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/agents")
async def agents(status: str | None = None) -> list[dict[str, Any]]:
    """All agents, or those of a status."""
    return [agent for agent in app.state.fleet.agents.values() if status in (None, agent["status"])]


@app.get("/agents/{agent_id}")
async def agent(agent_id: str) -> dict[str, Any]:
    found: dict[str, Any] | None = app.state.fleet.agents.get(agent_id)
    if found is None:
        raise HTTPException(404, f"there is no agent {agent_id}")
    return found


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
