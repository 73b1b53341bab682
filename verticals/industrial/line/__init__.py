"""The running line: units as they arrive, judged once each, written so that a kill neither loses nor doubles one."""
