"""Subscriptions of users: what somebody wants to be told of, and when it is time. Pure."""
