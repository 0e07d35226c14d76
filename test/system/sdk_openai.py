"""Runs the openai package for Python against a server and prints what it got as one JSON object.

Usage: sdk_openai.py BASE_URL KEY CLIP
"""

import asyncio
import io
import json
import pathlib
import sys
import tempfile

import openai
from openai import AsyncOpenAI, OpenAI

server, key, clip = sys.argv[1:4]
client = OpenAI(base_url=f"{server}/v1", api_key=key, max_retries=0)
content = pathlib.Path(clip).read_bytes()
results = {"version": openai.__version__}


def transcribe(**fields):
    fields = {"model": "flux-voice", "file": pathlib.Path(clip), **fields}
    return client.audio.transcriptions.create(**fields)


def failure(call):
    """The class and the fields of what a call raises."""
    try:
        call()
    except openai.APIStatusError as error:
        return {
            "class": type(error).__name__,
            "status": error.status_code,
            "code": error.code,
            "param": error.param,
            "request_id": error.request_id,
            "message": error.message,
        }
    return None


# Every format.
raw = client.audio.transcriptions.with_raw_response.create(model="flux-voice", file=pathlib.Path(clip))
results["json"] = raw.parse().model_dump()
results["headers"] = {name: value for name, value in raw.headers.items() if name.startswith("x-")}
for name, granularities in {"words": ["word"], "segments": ["segment"], "both": ["word", "segment"]}.items():
    results[f"verbose_{name}"] = transcribe(
        response_format="verbose_json", timestamp_granularities=granularities
    ).model_dump()
for name in ["text", "srt", "vtt"]:
    results[name] = transcribe(response_format=name)
results["diarized"] = transcribe(response_format="diarized_json", chunking_strategy="auto").model_dump()
results["logprobs"] = transcribe(include=["logprobs"]).model_dump()

# Streams.
results["stream"] = [event.model_dump() for event in transcribe(stream=True)]
results["diarized_stream"] = [event.model_dump() for event in transcribe(stream=True, response_format="diarized_json")]

# Every way to hand over a file.
with open(clip, "rb") as file:
    results["open_file"] = transcribe(file=file).text
results["raw_bytes"] = transcribe(file=content).text
results["tuple"] = transcribe(file=("voice.mp3", io.BytesIO(content), "audio/mpeg")).text
results["vad_object"] = transcribe(
    chunking_strategy={"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 200}
).text
results["extra_fields"] = transcribe(extra_body={"house": {"rules": "none"}, "keywords": ["garage", "chickens"]}).text
results["everything"] = transcribe(
    language="en", prompt="Chickens in a garage.", temperature=0.2, model="flux-voice-accurate"
).text


async def at_once():
    async with AsyncOpenAI(base_url=f"{server}/v1", api_key=key, max_retries=0) as several:
        replies = await asyncio.gather(
            *(several.audio.transcriptions.create(model="flux-voice-fast", file=content) for _ in range(4))
        )
        return [reply.text for reply in replies]


results["async"] = asyncio.run(at_once())
results["without_v1"] = (
    OpenAI(base_url=server, api_key=key, max_retries=0)
    .audio.transcriptions.create(model="flux-voice", file=pathlib.Path(clip))
    .text
)

# Models.
results["models"] = sorted(model.id for model in client.models.list())
results["model"] = client.models.retrieve("local/moonshine-tiny").model_dump()

# Failures.
stranger = OpenAI(base_url=f"{server}/v1", api_key="sk-nobody", max_retries=0)
with tempfile.TemporaryFile() as large:
    large.truncate(33 * 1024 * 1024 + 1)
    results["too_large"] = failure(lambda: transcribe(file=large))
results["wrong_key"] = failure(lambda: stranger.models.list())
results["no_such_model"] = failure(lambda: transcribe(model="gpt-9-ears"))
results["no_such_model_listed"] = failure(lambda: client.models.retrieve("openai/no-such-model"))
results["bad_format"] = failure(lambda: transcribe(response_format="yaml"))
results["bad_temperature"] = failure(lambda: transcribe(temperature=3))
results["bad_granularity"] = failure(lambda: transcribe(timestamp_granularities=["letter"]))
results["other_language"] = failure(lambda: transcribe(language="de"))
results["no_translation"] = failure(
    lambda: client.audio.translations.create(model="flux-voice", file=pathlib.Path(clip))
)
results["no_sound"] = failure(lambda: transcribe(file=("speech.wav", b"words that nobody speaks " * 40)))
results["empty_file"] = failure(lambda: transcribe(file=b""))
results["damaged"] = failure(lambda: transcribe(file=content[:60]))
results["no_file"] = failure(lambda: client.post("/audio/transcriptions", cast_to=object, body={"model": "flux-voice"}))

json.dump(results, sys.stdout)
