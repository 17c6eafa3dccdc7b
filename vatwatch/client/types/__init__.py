"""What the API answers, and what it may be asked, as types: dicts with the fields that it sends."""
