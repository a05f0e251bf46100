"""The same runs on Modal: dispatched with a ticket beside each, waited for, fetched, and paid for."""
