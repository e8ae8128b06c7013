"""TextWorld: games of rooms, containers, keys and recipes, played by an engine of our own that needs no interpreter.

game.py      a game as plain data, and the reader of TextWorld's own .json files
text.py      TextWorld's descriptions: the bit of Inform 7 that they are written in
reading.py   what does not change while a game is played
engine.py    what happens: the rules, the quests, and the words of TextWorld's games
kitchen.py   what is done to food
commands.py  what a player can do now
planner.py   commands that win from anywhere, by who knows everything
searcher.py  an expert that reads what a player reads
generate.py  new games, by the textworld package
presets.py   a few hundred games a preset that came with this package
official.py  TextWorld's own interpreter
env.py       the environment
"""
