"""What people read: report.md, report.html and the log, all made from an `Evidence`."""
