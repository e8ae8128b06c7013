"""The kitchen: a robot with one hand cooks a dish, and every plan is exact.

rules.py     what can be done, and the four dishes
planner.py   shortest plans, and every action that begins one
view.py      the kitchen in words and as a picture
env.py       layouts, and the environment
"""
