"""Prints the OpenAPI document of a service with the default settings, for the types of the page."""

from __future__ import annotations

import json

from scripts.api_listed import document

if __name__ == "__main__":
    print(json.dumps(document()))
