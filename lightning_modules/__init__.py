"""How weights change and how they are judged. Imports `data`, never `flows`."""
