"""vatwatch: watches the VATSIM network, keeps everything that it sees, tells anyone who asks."""

__version__ = "0.1.0"
