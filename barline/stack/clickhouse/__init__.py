"""ClickHouse's HTTP interface over one embedded engine (chdb), for ordinary ClickHouse clients.

The engine locks its directory, so one process owns it and serves everybody else. What a server has and this
hasn't: sessions (SET and USE do nothing), external tables, roles, progress headers.
"""
