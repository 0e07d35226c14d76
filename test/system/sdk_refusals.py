"""Runs the openai package for Python as callers that a server refuses, and prints what they got as one JSON object.

Usage: sdk_refusals.py BASE_URL CLIP, with the callers as JSON on standard input.
"""

import json
import pathlib
import sys

import openai
from openai import OpenAI

server, clip = sys.argv[1:3]
callers = json.load(sys.stdin)


def ask(key, model, **options):
    client = OpenAI(base_url=f"{server}/v1", api_key=key, **options)
    return client.audio.transcriptions.with_raw_response.create(model=model, file=pathlib.Path(clip))


def failure(key, model, **options):
    try:
        ask(key, model, **options)
    except openai.APIStatusError as error:
        return {
            "class": type(error).__name__,
            "status": error.status_code,
            "code": error.code,
            "message": error.message,
            "calls": int(error.response.request.headers.get("x-stainless-retry-count", 0)) + 1,
            "retry_after": error.response.headers.get("retry-after"),
        }
    return None


# With the SDK's own retries: what can never work is asked once.
refusals = {call["name"]: failure(call["key"], call["model"]) for call in callers["calls"]}

hurried = callers["hurried"]["key"]
served = None
# On a slow machine there may be room again before the next line asks.
while served is None or served.retries_taken == 0:
    limited = None
    while limited is None or limited["status"] != 429:
        limited = failure(hurried, "gpt-9-ears", max_retries=0)
    served = ask(hurried, "flux-voice")

results = {"refusals": refusals, "limited": limited, "retries": served.retries_taken, "text": served.parse().text}
json.dump(results, sys.stdout)
