"""IN WHAT ORDER: the watcher, the validation and the steps they are made of. Only this package loads blocks."""

from flows.log_records import show_untrusted_texts

show_untrusted_texts()  # here, because every process that logs a key imports this package
