"""The password of the tests' Prefect servers, as Prefect's setting has it and as HTTP clients take it."""

AUTH_STRING = "operator:k3rn-Holz+umlaut/=: x"
BASIC_AUTH = ("operator", "k3rn-Holz+umlaut/=: x")
