"""The trainer and its safety: it tells what happens, and reads only its directives. Not built yet."""
