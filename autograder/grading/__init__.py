"""How checks run over a class: the pytest plugin, the grader process, the operator that hands out submissions."""
