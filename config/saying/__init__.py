"""Plain functions that put values into words for a person, in the language of the request; templates call them by tags."""
