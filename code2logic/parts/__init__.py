"""What games are built from; the rules of a game stand here where its questions and its play share them.

grids.py       walking and searching, on boards and in any space of states
cards.py       packs, piles and fanned cards
colours.py     named colours, and how far apart they look
cube.py        the turns of Rubik's cube
captures.py    pieces that take each other
gems.py        match three
landscape.py   land with stacks of blocks, and who can walk there
latin.py       boards on which every row, column and box holds each colour once
options.py     wrong options that do not give the right one away
polar.py       places by angle and distance, spirals
polyominoes.py partitions of a board into pieces
pursuit.py     a maze with ghosts
pyramid.py     stacked balls
scenery.py     trees, houses and flowers as glyphs
solids.py      cubes with marked faces
voxels.py      structures of cubes: what is visible, silhouettes
warehouse.py   Sokoban
"""
