"""A local page that enlarges pictures: ``srdgan-rt serve``.

The modules are imported by name. Starlette and uvicorn (extra ``web``) are imported only inside functions.
"""
