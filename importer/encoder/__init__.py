"""A chunk of columns becomes JSON bytes. No Python object is made for a row that is sent."""

from importer.encoder.chunk import ChunkInput
from importer.encoder.consent import ConsentSeen
from importer.encoder.encoder import Encoder
from importer.encoder.hours import Hours
from importer.encoder.inspector import Inspector

__all__ = ["ChunkInput", "ConsentSeen", "Encoder", "Hours", "Inspector"]
