"""IN WHAT ORDER: the watcher, the validation and the steps they are made of. Only this package loads blocks."""
