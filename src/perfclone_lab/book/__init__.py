"""The book's chain: each chapter through papermill, then all pages through Jupyter Book.

The build folder holds::

    BUILD/run/    executions under way, and those that failed (open one to see where)
    BUILD/book/   the book's files with the executed chapters: Jupyter Book's input
    BUILD/site/   Jupyter Book's working folder
    BUILD/html/   the finished site; replaced as a whole, and only by one that was built without a warning
"""
