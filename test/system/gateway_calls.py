"""Runs the Python examples of speech gateways against a server and prints what they got as one JSON object.

Usage: gateway_calls.py SERVER KEY FOLDER
"""

import json
import pathlib
import sys

import openai
from openai import OpenAI

server, key, folder = sys.argv[1:4]
files = pathlib.Path(folder)
results = {}

with open(files / "meeting.m4a", "rb") as f:
    client = OpenAI(api_key=key, base_url=f"{server}/v1")
    result = client.audio.transcriptions.create(model="flux-voice", file=f)
    results["flux-voice"] = {"text": result.text}

# A base address without /v1.
client = OpenAI(base_url=server, api_key=key)
with open(files / "audio.mp3", "rb") as f:
    transcript = client.audio.transcriptions.create(model="openai/whisper-1", file=f)
    results["whisper"] = {"text": transcript.text}
transcript = client.audio.transcriptions.create(
    model="alibaba/sensevoice-small",
    file=open(files / "audio.mp3", "rb"),
    language="zh",
    response_format="json",
)
results["sensevoice"] = {"text": transcript.text}

client = OpenAI(base_url=f"{server}/v1", api_key=key)
with open(files / "meeting.mp3", "rb") as audio:
    transcript = client.audio.transcriptions.create(model="openai/gpt-4o-transcribe", file=audio)
    results["gpt-4o"] = {"text": transcript.text}
with open(files / "meeting.mp3", "rb") as audio:
    transcript = client.audio.transcriptions.create(
        model="openai/whisper-1",
        file=audio,
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )
    results["words"] = {"words": [{"word": word.word, "start": word.start} for word in transcript.words]}
with open(files / "meeting.mp3", "rb") as audio:
    transcript = client.audio.transcriptions.create(model="mistral/voxtral-mini-latest", file=audio)
    results["voxtral"] = {"text": transcript.text}
with open(files / "audio.mp3", "rb") as f:
    r = client.audio.transcriptions.create(model="deepgram/flux", file=f)
    results["flux"] = {"text": r.text}
try:
    with open(files / "audio.mp3", "rb") as f:
        client.audio.transcriptions.create(model="openai/no-such-model", file=f)
except openai.NotFoundError as error:
    results["unknown"] = {"status": error.status_code}

print(json.dumps(results))
