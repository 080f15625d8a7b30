"""Sealed files in an object store: shipped, verified there, and read from there once dropped here.

The store holds the same folders as the data folder. A file that was dropped here leaves a note in
its place, so that the local folder alone says what counts: no listing of the store can hide a day.
"""
