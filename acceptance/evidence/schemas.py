"""The published JSON schemas of what is put as evidence, made from the models; the files are in `published/`.

Later versions of one format only add fields that may be missing, so what an earlier version wrote stays valid.
"""

import json

from pydantic import BaseModel

from acceptance.evidence.evidence import Evidence
from acceptance.evidence.manifest import EvidenceManifest

MODELS: dict[str, type[BaseModel]] = {"evidence": Evidence, "manifest": EvidenceManifest}


def generated(name: str) -> str:
    """The schema (Draft 2020-12) as the model has it now."""
    schema = MODELS[name].model_json_schema()
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"urn:aceite:{name}:1", **schema}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
