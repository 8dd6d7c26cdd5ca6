"""The watchdog: reads the streams, raises alerts, issues directives, and says what became of them."""
