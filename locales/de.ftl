# Doorward in English: complete; every other language falls back to this file.
