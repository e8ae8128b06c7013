"""From game code to verifiable visual questions.

game.py, question.py   what a game and a question are
draw.py, glyphs.py     pictures;  sheet.py contact sheets
games/                 a game a file: its states, its picture, its words, its questions
parts/                 what games are built from
plays/                 games as played, move by move (envs/game.py is the environment)
checks.py              what must be true of every question
dataset/               any stream of tasks on disk
skeleton.py            the game that `ludex new-game` writes;  draft/ games written by a model
"""
