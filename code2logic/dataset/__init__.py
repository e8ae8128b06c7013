"""Any stream of tasks as a data set on disk.

build.py     the request, the folder, its manifest; assembling what was drawn
draw.py      chunks of tasks, drawn by workers and kept whole
formats.py   Parquet, and JSON lines with pictures beside them
gameqa.py    the layout of GameQA
alfworld.py  the folders that ALFWorld loads
card.py      the data card and the contact sheets
read.py      a folder back to tasks
"""
