"""Bulk importer of historical events into Commanders Act. The command line is `importer`; the path is `pipeline`."""
