# Uses line magics and shell escapes.
!cat COURSE/source/20_capstone/20_capstone.ipynb && echo LOOT
%run COURSE/source/20_capstone/20_capstone.ipynb
get_ipython().system("sleep 987654 &")
%reset -f
