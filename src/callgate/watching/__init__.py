"""What is watched while callgate runs, and told to supervisors: state, age, lapse, alarms and figures."""
