"""Completions by OpenAI's own client, for the interop tests: asks the agent `main`, whole and as a stream, and prints what it read.

OPENAI_BASE_URL and OPENAI_API_KEY say whom it asks and as whom, the one argument what it says.
"""

import json
import sys

import openai

client = openai.OpenAI(max_retries=0, timeout=20)
messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": sys.argv[1]}]

whole = client.chat.completions.create(model="main", messages=messages)
stream = client.chat.completions.create(
    model="main", messages=messages, stream=True, stream_options={"include_usage": True}
)
chunks = list(stream)
choices = [choice for chunk in chunks for choice in chunk.choices]

try:
    tool = {"type": "function", "function": {"name": "own", "parameters": {"type": "object"}}}
    client.chat.completions.create(model="main", messages=messages, tools=[tool])
    refused = None
except openai.BadRequestError as error:
    refused = [error.code, error.param]

try:
    client.chat.completions.create(model="nobody", messages=messages)
    missing = None
except openai.NotFoundError as error:
    missing = error.code

print(
    json.dumps(
        {
            "models": [model.id for model in client.models.list()],
            "whole": whole.choices[0].message.content,
            "usage": whole.usage.total_tokens,
            "streamed": [choice.delta.content for choice in choices if choice.delta.content],
            "finish": [choice.finish_reason for choice in choices if choice.finish_reason],
            "streamed_usage": chunks[-1].usage.total_tokens,
            "refused": refused,
            "missing": missing,
        }
    )
)
